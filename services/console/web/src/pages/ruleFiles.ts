import type { FieldProblem } from '../api/types'

// The server joins the files of a rule set into one text, each behind a line that names it. Problems count
// lines within their file; the editor counts them in the whole text.
const MARK = /^--- # file: (.+?)[ \t\r]*$/

export function lineInText(text: string, problem: FieldProblem): number {
  const line = problem.line ?? 1
  if (!problem.file) return line
  const lines = text.split('\n')
  const mark = lines.findIndex((one) => MARK.exec(one)?.[1] === problem.file)
  return mark < 0 ? line : line + mark + 1
}
