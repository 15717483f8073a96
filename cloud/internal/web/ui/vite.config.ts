import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

// The built files are committed and embedded into the cloud's binary. go:embed leaves out names that begin with "_" or
// ".", so chunk names are cleaned. Development talks to a cloud at LINSHAO_API (default: the demo's first port).
export default defineConfig({
  plugins: [vue()],
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false', __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' },
  build: {
    target: ['chrome87', 'safari14', 'ios14'],
    outDir: '../dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false }, // what cannot preload loads later
    rolldownOptions: {
      output: {
        // All that the first view needs is one file: each further one costs a phone an answer's head and a worse compression.
        advancedChunks: { groups: [{ name: 'first', test: /src\/App\.vue/ }] },
        chunkFileNames: (chunk) => `assets/${chunk.name.replace(/^[._]+/, '')}-[hash].js`,
      },
    },
  },
  server: { proxy: { '/api': process.env.LINSHAO_API ?? 'http://127.0.0.1:7080' } },
})
