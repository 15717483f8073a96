import { createApp } from 'vue'
import App from './App.vue'
import { askEarly } from './lib/api'
import { wordsReady } from './lib/i18n'
import { pageOf, route, startRouter } from './lib/router'
import { loadSession } from './lib/session'

startRouter()
void loadSession()
const page = pageOf(route.name)
askEarly(() => page.asks?.(route))
page.load().catch(() => undefined) // App says so when it cannot come
void wordsReady().then(() => createApp(App).mount('#app'))
