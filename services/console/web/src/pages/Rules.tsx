import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, App, Button, Checkbox, Popconfirm, Segmented } from 'antd'
import { useEffect, useMemo, useRef, useState, type RefObject } from 'react'
import { ApiError, call, plainEtag } from '../api/client'
import type { FieldProblem } from '../api/types'
import { useRouter } from '../app/router'
import { useWords } from '../i18n'
import { CodeArea, type CodeAreaHandle } from '../parts/CodeArea'
import { useErrorText } from '../parts/errors'
import { inLanguage } from '../text/bilingual'
import { RuleCuts } from './RuleCuts'
import { RuleFindings } from './RuleFindings'
import { RuleSentences } from './RuleSentences'
import { lineInText } from './ruleFiles'
import { Loading, Nothing, PageHead, Panel, Trouble } from '../parts/states'

const PATH = '/api/v1/rules'
const YAML = 'application/yaml'

interface RuleSet {
  text: string
  etag: string | null
}

async function readRules(signal: AbortSignal): Promise<RuleSet> {
  try {
    const response = await call(PATH, { accept: YAML, signal })
    return { text: await response.text(), etag: response.headers.get('ETag') }
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return { text: '', etag: null }
    throw error
  }
}

export default function Rules() {
  const { t } = useWords()
  const query = useQuery({ queryKey: ['rules'], queryFn: ({ signal }) => readRules(signal), staleTime: Infinity })
  if (query.isPending) return <Loading />
  if (!query.data) return <Trouble error={query.error} onRetry={() => void query.refetch()} />
  const { etag } = query.data
  return (
    <>
      <PageHead title={t('rules.title')}>
        {etag && <span className="muted">{t('rules.version', { version: plainEtag(etag) })}</span>}
        <Button onClick={() => void query.refetch()} loading={query.isFetching}>
          {t('common.reload')}
        </Button>
      </PageHead>
      <RuleBook key={`${etag}/${query.data.text.length}`} stored={query.data} />
    </>
  )
}

const VIEWS = ['text', 'sentences', 'cuts'] as const
type View = (typeof VIEWS)[number]

// One rule set seen in three ways. The editor stays while another is looked at, so what is typed in it is not lost.
function RuleBook({ stored }: { stored: RuleSet }) {
  const { t } = useWords()
  const { route, go } = useRouter()
  const area = useRef<CodeAreaHandle>(null)
  const [text, setText] = useState(stored.text)
  const [goal, setGoal] = useState<{ line: number; column: number } | null>(null)
  const view = VIEWS.find((v) => v === route.rest) ?? 'text'
  const dirty = text !== stored.text
  useEffect(() => {
    if (!dirty) return
    const ask = (e: BeforeUnloadEvent) => e.preventDefault()
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  }, [dirty])
  useEffect(() => {
    if (view !== 'text' || !goal) return
    area.current?.goTo(goal.line, goal.column)
    setGoal(null)
  }, [view, goal])
  const show = (next: View) => go('rules', next === 'text' ? '' : next)
  const goTo = (place: FieldProblem, inDraft = false) => {
    setGoal({ line: lineInText(inDraft ? text : stored.text, place), column: place.column ?? 1 })
    if (view !== 'text') show('text')
  }
  return (
    <>
      <div className="kinds">
        <Segmented<View> aria-label={t('rules.view')} value={view} onChange={show} options={VIEWS.map((value) => ({ value, label: t(`rules.view.${value}`) }))} />
      </div>
      <div hidden={view !== 'text'}>
        <Editor stored={stored} text={text} onText={setText} area={area} />
        {stored.etag && <RuleFindings version={stored.etag} onGo={goTo} />}
      </div>
      {view !== 'text' && !stored.etag && <Nothing>{t('said.empty')}</Nothing>}
      {view === 'sentences' && stored.etag && <RuleSentences version={stored.etag} draft={dirty ? text : null} onGo={goTo} />}
      {view === 'cuts' && stored.etag && <RuleCuts version={stored.etag} dirty={dirty} onGo={goTo} />}
    </>
  )
}

interface EditorProps {
  stored: RuleSet
  text: string
  onText: (text: string) => void
  area: RefObject<CodeAreaHandle | null>
}

function Editor({ stored, text, onText, area }: EditorProps) {
  const { t } = useWords()
  const [noHistory, setNoHistory] = useState(false)
  const dirty = text !== stored.text
  const save = useSave(stored)
  const problems = useMemo(() => save.problems.map((p) => ({ ...p, line: lineInText(save.sent, p) })), [save.problems, save.sent])
  const badLines = useMemo(() => new Set(problems.map((p) => p.line)), [problems])
  const submit = () => void save.run(text, noHistory)
  return (
    <>
      {save.trouble && <Alert className="gap" type="error" showIcon title={save.trouble} />}
      {problems.length > 0 && <ProblemList problems={problems} onGo={(p) => area.current?.goTo(p.line ?? 1, p.column ?? 1)} />}
      <Panel>
        {stored.text === '' && <p className="muted">{t('rules.empty')}</p>}
        <CodeArea ref={area} value={text} onChange={onText} onSave={submit} badLines={badLines} label={t('rules.editor')} />
        <div className="editor-foot">
          <Button type="primary" onClick={submit} loading={save.busy} disabled={!dirty && !noHistory}>
            {t('rules.save')}
          </Button>
          {dirty && (
            <Popconfirm
              title={t('rules.revertAsk')}
              okText={t('rules.revert')}
              cancelText={t('common.cancel')}
              onConfirm={() => onText(stored.text)}
            >
              <Button>{t('rules.revert')}</Button>
            </Popconfirm>
          )}
          <Checkbox checked={noHistory} onChange={(e) => setNoHistory(e.target.checked)}>
            {t('rules.noHistory')}
          </Checkbox>
          <span className={dirty ? 'warn small' : 'muted small'}>{t(dirty ? 'rules.dirty' : 'rules.clean')}</span>
        </div>
        <p className="muted small">{t('rules.help')}</p>
      </Panel>
    </>
  )
}

function useSave(stored: RuleSet) {
  const { t } = useWords()
  const { message } = App.useApp()
  const client = useQueryClient()
  const errorText = useErrorText()
  const [busy, setBusy] = useState(false)
  const [problems, setProblems] = useState<FieldProblem[]>([])
  const [trouble, setTrouble] = useState('')
  // The text that was checked: places in it do not move when one goes on typing.
  const [sent, setSent] = useState('')
  const run = async (text: string, noHistory: boolean) => {
    setBusy(true)
    setProblems([])
    setTrouble('')
    setSent(text)
    try {
      const path = noHistory ? `${PATH}?history=none` : PATH
      const response = await call(path, { method: 'PUT', text: { body: text, type: YAML }, ifMatch: stored.etag ?? undefined })
      const { version } = (await response.json().catch(() => ({}))) as { version?: number | string }
      message.success(response.status === 202 ? t('rules.building') : t('rules.saved', { version: version ?? '—' }))
      await client.invalidateQueries({ queryKey: ['rules'] })
    } catch (error) {
      const listed = error instanceof ApiError ? (error.problem.errors ?? []) : []
      setProblems(listed)
      if (listed.length === 0) setTrouble(errorText(error))
    } finally {
      setBusy(false)
    }
  }
  return { busy, problems, trouble, sent, run }
}

function ProblemList({ problems, onGo }: { problems: FieldProblem[]; onGo: (p: FieldProblem) => void }) {
  const { t, lang } = useWords()
  return (
    <div className="problems" role="alert">
      <b>{t('rules.errors', { count: problems.length })}</b>
      <ol>
        {problems.map((p, i) => (
          <li key={i}>
            <button type="button" onClick={() => onGo(p)}>
              {p.file && p.file !== 'rules.yaml' ? `${p.file} · ` : ''}
              {t('rules.place', { line: p.line ?? 1, column: p.column ?? 1 })}
            </button>
            <span>{inLanguage(p.message, lang)}</span>
          </li>
        ))}
      </ol>
    </div>
  )
}
