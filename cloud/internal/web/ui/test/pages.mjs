// The table of pages as text: its loaders are files that only the bundler of the pages can read.
import { readFileSync } from 'node:fs'

const word = (line, key) => new RegExp(`\\b${key}: '([^']+)'`).exec(line)?.[1]
const lines = readFileSync('src/lib/pages.ts', 'utf8').match(/^ {2}\{ name: .*$/gm) ?? []

/** Every page of lib/pages.ts: { name, path, zh, en }. */
export const pages = lines.map((line) => Object.fromEntries(['name', 'path', 'zh', 'en'].map((key) => [key, word(line, key)])))
