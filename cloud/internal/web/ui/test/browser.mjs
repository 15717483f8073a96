// What modules of the pages ask of a browser when they are loaded.
const storage = () => { const kept = new Map(); return { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => void kept.set(k, String(v)), removeItem: (k) => void kept.delete(k) } }
globalThis.localStorage ??= storage()
globalThis.sessionStorage ??= storage()
globalThis.navigator ??= { language: 'zh-CN' }
globalThis.document ??= { documentElement: {}, createElement: () => ({}), addEventListener() {} }
globalThis.location ??= { search: '', pathname: '/', href: 'http://localhost/', origin: 'http://localhost' }
globalThis.history ??= { pushState() {}, replaceState() {} }
globalThis.addEventListener ??= () => {}
// The clocks of the pages tick for ever; a test ends when its tests have ended.
const every = globalThis.setInterval
globalThis.setInterval = (...args) => every(...args).unref()
