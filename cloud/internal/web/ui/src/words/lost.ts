import { words } from '../lib/i18n'

/** Words of a page that is not there, or not for the reader. */
export const say = words({
  zh: {
    'error.notfound': '没有这个页面', 'error.notfound.link': '回到首页', 'error.notfound.hint': '地址可能写错了，或者这条内容已经移走。', 'error.shut': '你的账号不能打开这一页', 'error.shut.hint': '需要时请管理员给 {who} 增加权限。',
  },
  en: {
    'error.notfound': 'There is no such page', 'error.notfound.link': 'Home page', 'error.notfound.hint': 'The address may be mistyped, or what was here has moved.',
    'error.shut': 'Your account does not open this page', 'error.shut.hint': 'If you need it, ask an administrator to give {who} the right.',
  },
})
