import { render } from 'preact'
import { App } from './App.tsx'
import { followLinks } from './lib/location.ts'
import './style.css'

followLinks()
render(<App />, document.getElementById('app')!)
