import { useQuery } from '@tanstack/react-query'
import { Button } from 'antd'
import { useState } from 'react'
import { getJson } from '../api/client'
import type { FieldProblem, RuleFinding, RuleLint } from '../api/types'
import { useWords } from '../i18n'
import { Panel } from '../parts/states'

const SHOWN = 8

interface RuleFindingsProps {
  version: string
  onGo: (place: FieldProblem) => void
}

// What is worth a look in the rules in force: tags that hold for nobody or for all, measures that nothing reads. It is
// read from history, so while that is away there is simply nothing to show.
export function RuleFindings({ version, onGo }: RuleFindingsProps) {
  const { t, lang } = useWords()
  const { data } = useQuery({
    queryKey: ['rules-lint', version],
    queryFn: ({ signal }) => getJson<RuleLint>('/api/v1/rules/lint', signal),
    staleTime: 60_000,
    retry: false,
  })
  const [all, setAll] = useState(false)
  const findings = data?.findings ?? []
  if (findings.length === 0) return null
  return (
    <Panel title={t('rules.findings', { count: findings.length })} className="findings-panel">
      <p className="muted small">{t('rules.findingsHelp')}</p>
      <ol className="findings">
        {(all ? findings : findings.slice(0, SHOWN)).map((f) => (
          <li key={`${f.check}/${f.file}/${f.line}/${f.name}`}>
            {f.file && f.line && (
              <button type="button" className="link small" onClick={() => onGo({ ...f, message: '' })}>
                {f.file} · {t('rules.place', { line: f.line, column: f.column ?? 1 })}
              </button>
            )}
            <p>{said(f, lang)}</p>
            <p className="muted small">{advised(f, lang)}</p>
          </li>
        ))}
      </ol>
      {!all && findings.length > SHOWN && (
        <Button className="older" onClick={() => setAll(true)}>
          {t('rules.findingsAll', { count: findings.length })}
        </Button>
      )}
    </Panel>
  )
}

function said(f: RuleFinding, lang: string): string {
  return lang === 'zh' ? f.zh : f.en
}

function advised(f: RuleFinding, lang: string): string {
  return lang === 'zh' ? f.do_zh : f.do_en
}
