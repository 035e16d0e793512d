// Lines and columns count from 1, columns in characters as people see them (a Chinese character is one).
export function offsetOf(text: string, line: number, column: number): number {
  let start = 0
  for (let i = 1; i < line; i++) {
    const next = text.indexOf('\n', start)
    if (next < 0) return text.length
    start = next + 1
  }
  const end = text.indexOf('\n', start)
  const row = text.slice(start, end < 0 ? text.length : end)
  const before = Array.from(row).slice(0, Math.max(0, column - 1)).join('')
  return start + before.length
}

export interface Indented {
  text: string
  from: number
  to: number
}

// Two spaces in or out on every line that the selection touches.
export function indentSelection(text: string, from: number, to: number, outwards: boolean): Indented {
  const start = text.lastIndexOf('\n', from - 1) + 1
  const block = text.slice(start, to)
  const changed = block
    .split('\n')
    .map((line) => (outwards ? line.replace(/^ {1,2}/, '') : line === '' ? line : `  ${line}`))
    .join('\n')
  return { text: text.slice(0, start) + changed + text.slice(to), from: start, to: start + changed.length }
}
