import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import vue from '@vitejs/plugin-vue'
import { gzipAsync } from '@gfx/zopfli'
import { defineConfig, type Plugin, type Rolldown } from 'vite'

/** Pages that are opened from messages, on phones: the first step of their address, and their file. */
const opened = { todo: 'src/pages/Todo.vue', a: 'src/pages/Alert.vue' }

/** The words that they come with, by the end of their documents' names (embed.go): Chinese is in the shell itself. */
const spoken = { '': { todo: [], a: ['words/shared.zh.ts'] }, '.en': { todo: ['words/en.ts'], a: ['words/en.ts', 'words/shared.en.ts'] } }

/** The shell, with what both of them need. */
const both = /src\/(main|lib\/(deeds|later|urgency|load|turns|reading|rows|kept)|parts\/(TakeState|Countdown|SkeletonCards|Badge)|words\/waiting)\./

/** What an alert and many other pages are made of. */
const shared = /src\/(parts\/(Chip|Dialog|Tabs|Field|Empty)|lib\/(cameras|names|ledger|steps|api\/(desk|data))|words\/(alert|desk|names|chart))\./

/** A chunk with all chunks that it cannot do without. */
function needed(bundle: Rolldown.OutputBundle, name: string, found = new Set<string>()): Set<string> {
  const chunk = bundle[name]
  if (chunk?.type !== 'chunk' || found.has(name)) return found
  found.add(name)
  for (const other of chunk.imports) needed(bundle, other, found)
  return found
}

/** The chunk that holds a file of ours. */
function holder(bundle: Rolldown.OutputBundle, file: string): string {
  const chunk = Object.values(bundle).find((c) => c.type === 'chunk' && c.moduleIds.some((id) => id.endsWith(file)))
  if (!chunk) throw new Error(`no script holds ${file}`)
  return chunk.fileName
}

const styles = (bundle: Rolldown.OutputBundle, name: string) => {
  const chunk = bundle[name]
  return chunk?.type === 'chunk' ? [...chunk.viteMetadata?.importedCss ?? []] : []
}

/** Gives each of the opened pages a document of its own in each language (todo.html, todo.en.html), which names its scripts,
 * words and styles: they come beside the first script, not after it. */
function documents(): Plugin {
  return {
    name: 'documents', apply: 'build', enforce: 'post',
    generateBundle(_, bundle) {
      const index = bundle['index.html']
      if (index?.type !== 'asset') return
      const html = String(index.source)
      for (const step of Object.keys(opened) as (keyof typeof opened)[]) {
        for (const [end, packs] of Object.entries(spoken)) {
          const scripts = [...new Set([opened[step], ...packs[step]].flatMap((file) => [...needed(bundle, holder(bundle, file))]))].filter((name) => !html.includes(name))
          const sheets = scripts.flatMap((name) => styles(bundle, name))
          const links = [...scripts.map((name) => `<link rel="modulepreload" crossorigin href="/${name}">`), ...sheets.map((name) => `<link rel="stylesheet" crossorigin href="/${name}">`)]
          this.emitFile({ type: 'asset', fileName: `${step}${end}.html`, source: html.replace('</head>', `  ${links.join('\n  ')}\n</head>`) })
        }
      }
    },
  }
}

/** Packs the script that every first visit waits for harder than a server could while it starts: a twentieth less to wait for.
 * embed.go serves what lies beside a file as name.gz. */
function packed(): Plugin {
  return {
    name: 'packed', apply: 'build',
    async writeBundle({ dir }, bundle) {
      const first = Object.values(bundle).find((c) => c.type === 'chunk' && c.name === 'first')
      if (!first || !dir) throw new Error('there is no first script')
      const file = join(dir, first.fileName)
      await writeFile(`${file}.gz`, await gzipAsync(await readFile(file), { numiterations: 5 }))
    },
  }
}

/** What our charts never are, said to uPlot as constants, so that the builder drops what is for it; its author's own builds
 * leave parts out likewise. Our charts have lines and steps on plain scales; their times are ours (src/lib/plot.ts). */
const plain: [of: RegExp, instead: string][] = [
  [/\(paths\.(bars|spline) +=.*/g, ''], [/uPlot\.(join|sync|fmtDate|tzDate) +=.*/g, ''],
  [/const showLegend = .*/, 'const showLegend = false;'],
  [/mode: ifNull\(opts\.mode, 1\)/, 'mode: 1'], [/\b(let|const) mode = (self|u)\.mode;/g, 'const mode = 1;'],
  [/\blet distr = sc\.distr;/g, 'const distr = 1;'], [/\b(sc|wsc|scale|scaleX)\.distr\b/g, '1'],
  [/let isTime = .*/g, 'const isTime = false;'], [/time: FEAT_TIME/, 'time: false'],
  [/const \[.*\] = genTimeStuffs\(.*/g, ''], [/const _(tzDate|fmtDate|timeAxisSplits|timeAxisVals|timeSeriesVal) .*/g, ''],
]

function lean(): Plugin {
  return {
    name: 'lean', apply: 'build',
    transform: {
      filter: { id: /uPlot\.esm\.js$/ },
      handler(code) {
        for (const [of, instead] of plain) {
          const now = code.replace(of, instead)
          if (now === code) throw new Error(`this uPlot has no ${of}: look what has come in its place`)
          code = now
        }
        return { code, map: null }
      },
    },
  }
}

// The built files are committed and embedded into the cloud's binary. go:embed leaves out names that begin with "_" or
// ".", so chunk names are cleaned. Development talks to a cloud at LINSHAO_API (default: the demo's first port).
export default defineConfig({
  plugins: [vue(), lean(), documents(), packed()],
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
            { name: 'todo', test: /src\/(parts\/(IncidentCard|OfflineCard)|pages\/Todo)\.vue/, priority: 1 },
            { name: 'alert', test: /src\/(parts\/AlertBody|pages\/Alert)\.vue/, priority: 1 },
          ],
        },
        chunkFileNames: (chunk) => `assets/${chunk.name.replace(/^[._]+/, '')}-[hash].js`,
      },
    },
  },
  server: { proxy: { '/api': process.env.LINSHAO_API ?? 'http://127.0.0.1:7080' } },
})
