// Builds the unit tests with the same bundler as the pages and runs them with node's own runner.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'

const here = import.meta.dirname
const out = join(here, '../node_modules/.test')
const names = readdirSync(here).filter((name) => name.endsWith('.test.mjs'))
await build({
  configFile: false,
  logLevel: 'error',
  // Modules that know the table of pages lead to the pages themselves: those are for a browser.
  plugins: [{ name: 'no-pages', enforce: 'pre', load: (id) => (id.endsWith('.vue') ? 'export default {}' : undefined) }],
  build: {
    ssr: true, target: 'node20', outDir: out, emptyOutDir: true, minify: false,
    rolldownOptions: { input: Object.fromEntries(names.map((name) => [name.slice(0, -4), join(here, name)])), output: { entryFileNames: '[name].mjs' } },
  },
})
const run = spawnSync(process.execPath, ['--import', join(here, 'browser.mjs'), '--test', ...names.map((name) => join(out, name))], { stdio: 'inherit', cwd: join(here, '..') })
process.exit(run.status ?? 1)
