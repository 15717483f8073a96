import { words } from '../lib/i18n'

/** Words of the dialog that says whom one can call about an alert. */
export const say = words({
  zh: {
    'title': '联系谁', 'first': '起火或有人受伤，先打', 'fire': '火警', 'loading': '正在读取电话', 'duty': '现场值班', 'desk': '街道值班', 'logged': '谁在什么时候看了号码，会记入审计。',
    'duty.none': '这里没有排班，也没有负责人。请街道管理员在组织里补上。', 'desk.none': '街道还没有登记值班电话。请管理员在组织文件里给街道加一条“值班室”联系人。', 'phone.none': '没有登记电话',
  },
  en: {
    'title': 'Whom to call', 'first': 'Fire or somebody hurt: call first', 'fire': 'fire brigade', 'loading': 'Reading the numbers', 'duty': 'On duty here', 'desk': 'The street\'s desk', 'logged': 'Who has seen the numbers, and when, is written into the audit.',
    'duty.none': 'Nobody is on duty or answers for this place. Ask the street\'s administrator to name somebody.', 'desk.none': 'The street has not given a number of its desk. Ask the administrator to add a contact "duty desk" to the street.', 'phone.none': 'no number',
  },
})
