// Helpers on the tree of the organisation. Pure.
import type { OrgNode } from './types/org'

/** The ids from the root to a node, itself last; what the answer does not hold ends the way. */
export function pathTo(nodes: OrgNode[], id: string): string[] {
  const parent = new Map(nodes.map((n) => [n.id, n.parent]))
  const path: string[] = []
  for (let at: string | undefined = id; at && parent.has(at) && !path.includes(at); at = parent.get(at)) path.unshift(at)
  return path
}

/** A node's name with those above it, for lists without indentation. */
export function fullName(nodes: OrgNode[], id: string): string {
  return pathTo(nodes, id).map((p) => nodes.find((n) => n.id === p)?.name ?? p).join(' / ') || id
}

/** A node's name behind as many spaces as it is deep, for the lines of a <select>. */
export const indented = (n: OrgNode) => '　'.repeat(n.depth) + n.name

/** A telephone number without what people write between its digits; none when it is masked. */
export const dialable = (phone?: string) => (phone && /^\+?[0-9][0-9 -]*$/.test(phone) ? phone.replace(/[ -]/g, '') : undefined)
