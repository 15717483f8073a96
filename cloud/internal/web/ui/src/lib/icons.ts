/** Paths in a box of 16 × 16. */
export const icons = {
  A: 'M8 0 16 8 8 16 0 8Z',
  B: 'M8 1 16 15H0Z',
  C: 'M2 2h12v12H2Z',
  recovered: 'M6.2 12.6 1.4 7.8 3 6.2l3.2 3.2L13 2.6l1.6 1.6Z',
  offline: 'M1 7h14v2H1Z',
  shadow: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 2a5 5 0 1 1 0 10A5 5 0 0 1 8 3Z',
  shelved: 'M3 2h4v12H3Zm6 0h4v12H9Z',
  overdue: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 2a5 5 0 1 1 0 10A5 5 0 0 1 8 3ZM7 4h2v3.6l2.5 2.5-1.4 1.4L7 8.4Z',
  bad: 'M3.4 2 8 6.6 12.6 2 14 3.4 9.4 8l4.6 4.6-1.4 1.4L8 9.4 3.4 14 2 12.6 6.6 8 2 3.4Z',
  uncertain: 'M7 1h2v9H7Zm0 11h2v3H7Z',
  stale: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 2a5 5 0 1 1 0 10A5 5 0 0 1 8 3ZM7 4h2v3.6l2.5 2.5-1.4 1.4L7 8.4Z',
  good: 'M6.2 12.6 1.4 7.8 3 6.2l3.2 3.2L13 2.6l1.6 1.6Z',
  back: 'M10.5 1.5 12 3 7 8l5 5-1.5 1.5L4 8Z',
  next: 'M5.5 1.5 4 3l5 5-5 5 1.5 1.5L12 8Z',
  todo: 'M1 2h3v3H1Zm5 .5h9v2H6ZM1 6.5h3v3H1ZM6 7h9v2H6Zm-5 4h3v3H1Zm5 .5h9v2H6Z',
  system: 'M1 2h14v9H1Zm2 2v5h10V4ZM5 13h6v2H5Z',
  sites: 'M1 15V5l6-4v4h8v10h-5v-3H8v3Zm3-9v2h1V6Zm0 4v2h1v-2Zm5-3v2h1V7Zm3 0v2h1V7Z',
} as const

export type IconName = keyof typeof icons
