import { createApp } from 'vue'
import App from './App.vue'
import { startRouter } from './lib/router'
import { loadSession } from './lib/session'
import './style/tokens.css'
import './style/base.css'

startRouter()
void loadSession()
createApp(App).mount('#app')
