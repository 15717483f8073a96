import { sharedWords } from '../lib/i18n'

/** An alert’s own page. */
export const say = sharedWords('alert')
