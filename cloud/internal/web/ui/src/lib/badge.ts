import { reactive } from 'vue'

/** The number on the navigation's 待办; undefined until it is known. */
export const badge = reactive({ open: undefined as number | undefined })
