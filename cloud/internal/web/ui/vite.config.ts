import vue from '@vitejs/plugin-vue'
import { defineConfig, type Plugin, type Rolldown } from 'vite'

/** Pages that are opened from messages, on phones: the first step of their address, and their file. */
const opened = { todo: 'src/pages/Todo.vue', a: 'src/pages/Alert.vue' }

/** The shell, with what both of them need. */
const both = /src\/(main|lib\/(deeds|later|urgency)|parts\/(TakeState|Countdown|SkeletonCards|Badge)|words\/waiting)\./

/** What an alert and many other pages are made of. */
const shared = /src\/(parts\/(Chip|Dialog|Tabs|Field|Empty)|lib\/(cameras|load|names|ledger|steps|api\/(desk|data))|words\/(alert|desk|names|chart))\./

/** A chunk with all chunks that it cannot do without. */
function needed(bundle: Rolldown.OutputBundle, name: string, found = new Set<string>()): Set<string> {
  const chunk = bundle[name]
  if (chunk?.type !== 'chunk' || found.has(name)) return found
  found.add(name)
  for (const other of chunk.imports) needed(bundle, other, found)
  return found
}

const styles = (bundle: Rolldown.OutputBundle, name: string) => {
  const chunk = bundle[name]
  return chunk?.type === 'chunk' ? [...chunk.viteMetadata?.importedCss ?? []] : []
}

/** Gives each of the opened pages a document of its own (todo.html), which names its scripts and styles: they come beside
 * the first script, not after it. */
function documents(): Plugin {
  return {
    name: 'documents', apply: 'build', enforce: 'post',
    generateBundle(_, bundle) {
      const index = bundle['index.html']
      if (index?.type !== 'asset') return
      const html = String(index.source)
      for (const [step, file] of Object.entries(opened)) {
        const page = Object.values(bundle).find((c) => c.type === 'chunk' && c.moduleIds.some((id) => id.endsWith(file)))
        if (!page) throw new Error(`no script holds ${file}`)
        const scripts = [...needed(bundle, page.fileName)].filter((name) => !html.includes(name))
        const sheets = scripts.flatMap((name) => styles(bundle, name))
        const links = [...scripts.map((name) => `<link rel="modulepreload" crossorigin href="/${name}">`), ...sheets.map((name) => `<link rel="stylesheet" crossorigin href="/${name}">`)]
        this.emitFile({ type: 'asset', fileName: `${step}.html`, source: html.replace('</head>', `  ${links.join('\n  ')}\n</head>`) })
      }
    },
  }
}

/** Parts of uPlot that no page uses; its author's own builds leave them out likewise. */
const unused = ['(paths.bars    = bars);', '(paths.spline  = monotoneCubic);', 'uPlot.join = join;', 'const showLegend = legend.show;']

/** Leaves those parts out, and fails when another uPlot has them no more. */
function lean(): Plugin {
  return {
    name: 'lean', apply: 'build',
    transform: {
      filter: { id: /uPlot\.esm\.js$/ },
      handler(code) {
        for (const line of unused) {
          if (code.split(line).length !== 2) throw new Error(`uPlot has no single ${line}`)
          code = code.replace(line, line.startsWith('const') ? 'const showLegend = false;' : '')
        }
        return { code, map: null }
      },
    },
  }
}

// The built files are committed and embedded into the cloud's binary. go:embed leaves out names that begin with "_" or
// ".", so chunk names are cleaned. Development talks to a cloud at LINSHAO_API (default: the demo's first port).
export default defineConfig({
  plugins: [vue(), lean(), documents()],
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false', __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' },
  build: {
    target: ['chrome87', 'safari14', 'ios14'],
    outDir: '../dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false }, // what cannot preload loads later
    rolldownOptions: {
      output: {
        // Few and fat: each file costs a phone an answer's head and a worse compression.
        codeSplitting: {
          groups: [
            { name: 'first', test: both, priority: 3 },
            { name: 'parts', test: shared, priority: 2 },
            { name: 'alert', test: /src\/(parts\/AlertBody|pages\/Alert)\.vue/, priority: 1 },
          ],
        },
        chunkFileNames: (chunk) => `assets/${chunk.name.replace(/^[._]+/, '')}-[hash].js`,
      },
    },
  },
  server: { proxy: { '/api': process.env.LINSHAO_API ?? 'http://127.0.0.1:7080' } },
})
