// What modules of the pages ask of a browser when they are loaded.
globalThis.localStorage ??= { getItem: () => null, setItem() {}, removeItem() {} }
globalThis.navigator ??= { language: 'zh-CN' }
globalThis.document ??= { documentElement: {}, createElement: () => ({}) }
