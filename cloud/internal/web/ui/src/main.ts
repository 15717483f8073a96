import { createApp } from 'vue'
import App from './App.vue'
import { wordsReady } from './lib/i18n'
import { startRouter } from './lib/router'
import { loadSession } from './lib/session'

startRouter()
void loadSession()
void wordsReady().then(() => createApp(App).mount('#app'))
