import type { sharedZh } from './shared.zh'

/** Every language has exactly the words that Chinese has. */
export type Shared = { [A in keyof typeof sharedZh]: Record<keyof (typeof sharedZh)[A], string> }
