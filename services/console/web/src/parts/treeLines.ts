import type { ConditionTree } from '../api/types'

// What a line of the tree says beside its text: the values of its operands.
export interface TreeValue {
  text: string
  value: ConditionTree['value']
  atLeast: boolean
}

// The operands that have a name; a comparison's own constant says its value already.
export function namedValues(tree: ConditionTree): TreeValue[] {
  const out: TreeValue[] = []
  for (const side of [tree.left, tree.right]) {
    if (!side?.text) continue
    const inner = namedValues(side)
    if (inner.length > 1 || (inner.length === 1 && inner[0]!.text !== side.text)) out.push(...inner)
    out.push({ text: side.text, value: side.holds ?? side.value, atLeast: side.at_least ?? false })
  }
  if (!tree.left && !tree.right) for (const child of tree.children ?? []) if (child.text && child.holds === undefined) out.push(...namedOf(child))
  return out.filter((v, i) => out.findIndex((o) => o.text === v.text) === i)
}

function namedOf(tree: ConditionTree): TreeValue[] {
  return [...namedValues(tree), { text: tree.text ?? '', value: tree.value, atLeast: tree.at_least ?? false }]
}

// The parts that get lines of their own.
export function branches(tree: ConditionTree): ConditionTree[] {
  return tree.op === 'and' || tree.op === 'or' || tree.op === 'not' || tree.op === 'if' ? (tree.children ?? []) : []
}
