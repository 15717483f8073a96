import { words } from '../lib/i18n'

/** Words of the login. */
export const say = words({
  zh: {
    'login.title': '登录', 'login.name': '用户名', 'login.password': '密码', 'login.submit': '登录', 'login.checking': '正在登录…', 'login.oidc': '用{name}登录', 'login.or': '或者用本系统的账号', 'login.forgot': '忘记密码请找管理员，换一个一次性密码。',
    'login.need': '请填写用户名和密码。', 'login.why.bad_login': '统一登录没有通过，请重新登录；反复不行请找管理员。', 'login.why.no_grants': '统一登录通过了，但你的账号在这里还没有任何权限。请联系管理员开通，再重新登录。',
    'login.why.provider_unavailable': '统一登录暂时连不上。请稍后再试，或用本系统的账号登录。', 'login.why.too_many_requests': '登录太频繁，请过一分钟再试。',
  },
  en: {
    'login.title': 'Sign in', 'login.name': 'Name', 'login.password': 'Password', 'login.submit': 'Sign in', 'login.checking': 'Signing in…', 'login.oidc': 'Sign in with {name}',
    'login.or': 'or with an account of this system', 'login.forgot': 'Forgot the password? An administrator makes you a one-time password.', 'login.need': 'Fill in name and password.',
    'login.why.bad_login': 'The single sign-on did not succeed: please begin again. If it keeps failing, ask your administrator.',
    'login.why.no_grants': 'The single sign-on knows you, but your account may do nothing here yet. Ask your administrator for rights, then sign in again.',
    'login.why.provider_unavailable': 'The single sign-on cannot be reached now. Try again in a moment, or sign in with an account of this system.',
    'login.why.too_many_requests': 'Too many sign-ins: please try again in a minute.',
  },
})
