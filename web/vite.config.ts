// The web page: static files that are embedded in the binary (scripts/build-web), and a server for working on it.
//   ENGINE=127.0.0.1:PORT  an engine that /clickhouse/ goes to while working on it; default: a running tripod's page
import { defineConfig } from 'vite'

const engine = process.env.ENGINE
const proxy = engine
  ? { '/clickhouse': { target: `http://${engine}`, rewrite: (path: string) => `${path.replace(/^\/clickhouse/, '')}&database=otel` } }
  : { '/clickhouse': { target: 'http://127.0.0.1:3000' } }

export default defineConfig({
  root: import.meta.dirname,
  cacheDir: '../node_modules/.vite',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: { host: '127.0.0.1', strictPort: false, proxy },
  build: {
    target: 'es2022',
    outDir: '../build/web',
    emptyOutDir: true,
    modulePreload: false, // its polyfill would be an inline script
    assetsInlineLimit: 0, // the Content-Security-Policy has no data: scripts or styles
    reportCompressedSize: false,
  },
})
