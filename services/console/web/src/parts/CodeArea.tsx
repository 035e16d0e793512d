import { useEffect, useImperativeHandle, useMemo, useRef, type KeyboardEvent, type Ref } from 'react'
import { indentSelection, offsetOf } from './codeText'

export interface CodeAreaHandle {
  goTo: (line: number, column: number) => void
}

interface CodeAreaProps {
  value: string
  onChange: (value: string) => void
  onSave?: () => void
  badLines?: ReadonlySet<number>
  label: string
  rows?: number
  readOnly?: boolean
  ref?: Ref<CodeAreaHandle>
}

// A plain textarea with line numbers: works with every input method and screen reader, and needs no editor library.
export function CodeArea({ value, onChange, onSave, badLines, label, rows = 28, readOnly, ref }: CodeAreaProps) {
  const area = useRef<HTMLTextAreaElement>(null)
  const gutter = useRef<HTMLPreElement>(null)
  const caret = useRef<[number, number] | null>(null)
  const lines = useMemo(() => value.split('\n').length, [value])

  useImperativeHandle(ref, () => ({
    goTo(line, column) {
      const element = area.current!
      const at = offsetOf(value, line, column)
      element.focus()
      element.setSelectionRange(at, at)
      const height = Number.parseFloat(getComputedStyle(element).lineHeight)
      element.scrollTop = Math.max(0, (line - 6) * height)
    },
  }))
  useEffect(() => {
    if (!caret.current) return
    area.current!.setSelectionRange(...caret.current)
    caret.current = null
  }, [value])

  const keyDown = (e: KeyboardEvent<HTMLTextAreaElement>) => {
    if ((e.ctrlKey || e.metaKey) && e.key === 's') {
      e.preventDefault()
      onSave?.()
      return
    }
    // Tab indents only where something is selected; otherwise it leaves the field, as keyboard users expect.
    const { selectionStart: from, selectionEnd: to } = e.currentTarget
    if (e.key !== 'Tab' || from === to || readOnly) return
    e.preventDefault()
    const changed = indentSelection(value, from, to, e.shiftKey)
    caret.current = [changed.from, changed.to]
    onChange(changed.text)
  }
  return (
    <div className="code">
      <Gutter ref={gutter} lines={lines} badLines={badLines} />
      <textarea
        ref={area}
        value={value}
        rows={rows}
        readOnly={readOnly}
        aria-label={label}
        spellCheck={false}
        autoCapitalize="off"
        autoCorrect="off"
        wrap="off"
        onChange={(e) => onChange(e.target.value)}
        onKeyDown={keyDown}
        onScroll={(e) => {
          gutter.current!.scrollTop = e.currentTarget.scrollTop
        }}
      />
    </div>
  )
}

function Gutter({ lines, badLines, ref }: { lines: number; badLines?: ReadonlySet<number>; ref: Ref<HTMLPreElement> }) {
  return (
    <pre ref={ref} className="code-gutter" aria-hidden="true">
      {Array.from({ length: lines }, (_, i) => (
        <span key={i} className={badLines?.has(i + 1) ? 'bad' : undefined}>
          {i + 1}
          {'\n'}
        </span>
      ))}
    </pre>
  )
}
