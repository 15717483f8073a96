import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ref } from 'vue'
import { useMay } from '../src/lib/may.ts'
import { session } from '../src/lib/session.ts'

const turn = () => new Promise((done) => setTimeout(done, 5))

test('what a person may at one site is not offered at another', async () => {
  const asked = []
  globalThis.fetch = async (url) => {
    asked.push(url)
    const nodes = [{ id: 'street' }, { id: url.includes('s-own') ? 'own' : 'other' }]
    return { ok: true, status: 200, text: async () => JSON.stringify({ nodes, duty: [] }) }
  }
  session.rights = { command: ['own'], look: [''] }
  const site = ref('s-own')
  const may = useMay('command', () => site.value)
  assert.equal(may.value, false, 'not before the place is known')
  await turn()
  assert.equal(may.value, true)
  site.value = 's-foreign'
  await turn()
  assert.deepEqual([may.value, asked.length], [false, 2])
  assert.equal(useMay('look', () => 's-foreign').value, true)
  assert.equal(useMay('dispatch', () => 's-own').value, false)
  await turn()
  assert.equal(asked.length, 2, 'who may everywhere or nowhere asks nothing')
})
