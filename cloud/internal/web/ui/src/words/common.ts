import { sharedWords } from '../lib/i18n'

/** Devices, the quality of values, lines of a timeline, small deeds. */
export const say = sharedWords('common')
