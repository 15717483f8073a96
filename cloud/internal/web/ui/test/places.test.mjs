import assert from 'node:assert/strict'
import { test } from 'node:test'
import { table } from '../e2e/places.mjs'
import { match } from '../src/lib/router-table.ts'
import { pages } from './pages.mjs'

test('the browser tests know an address of every page, and it leads there', () => {
  for (const [name, path] of Object.entries(table)) assert.equal(match(pages, path.replaceAll(/[{}]/g, '')).name, name, path)
  for (const page of pages) assert.ok(table[page.name], `${page.name} has no address in e2e/places.mjs`)
})
