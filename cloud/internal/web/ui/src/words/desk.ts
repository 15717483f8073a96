import { sharedWords } from '../lib/i18n'

/** An alert’s page and the desk: steps, limits, axes, tabs. */
export const say = sharedWords('desk')
