import { sharedWords } from '../lib/i18n'

/** Points, and reasons why there is no value; the words on the left are those of profiles, rules and drivers. */
export const say = sharedWords('names')
