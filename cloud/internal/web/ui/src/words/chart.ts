import { sharedWords } from '../lib/i18n'

/** Curves. */
export const say = sharedWords('chart')
