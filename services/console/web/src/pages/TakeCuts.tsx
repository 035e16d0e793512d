import { useQueryClient } from '@tanstack/react-query'
import { Alert, App, Button } from 'antd'
import { useState, type FormEvent } from 'react'
import { call, getJson } from '../api/client'
import type { StandingCuts, TakenCuts } from '../api/types'
import { useWords } from '../i18n'
import { useErrorText } from '../parts/errors'
import { formatCount, formatDay, formatDecimal, formatTime } from '../text/format'
import { compareCuts, missingPoints, parsePoints, pointsText } from './cutPoints'

const PATH = '/api/v1/rules/cuts'

interface TakeCutsProps {
  measure: string
  standing?: StandingCuts
  version: string
  dirty: boolean
}

// First the numbers, then the decision: nothing changes until they are saved.
export function TakeCuts({ measure, standing, version, dirty }: TakeCutsProps) {
  const { t, lang } = useWords()
  const [text, setText] = useState(() => pointsText(standing))
  const [taken, setTaken] = useState<TakenCuts | null>(null)
  const work = useWork()
  const points = parsePoints(text)
  const missing = points ? missingPoints(standing, points) : []
  const trouble = !points ? t('cuts.badPoints') : missing.length > 0 ? t('cuts.missing', { points: missing.join(lang === 'zh' ? '、' : ', ') }) : ''
  const change = (next: string) => {
    setText(next)
    setTaken(null)
  }
  const preview = (e: FormEvent) => {
    e.preventDefault()
    if (!points || trouble) return
    const query = new URLSearchParams({ measure, points: points.join(',') })
    void work.run(async () => setTaken(await getJson<TakenCuts>(`${PATH}?${query}`)))
  }
  return (
    <div className="cut-take">
      <form className="cut-form" onSubmit={preview}>
        <label>
          <span className="muted small">{t('cuts.points')}</span>
          <input value={text} inputMode="text" aria-invalid={trouble !== ''} onChange={(e) => change(e.target.value)} />
        </label>
        <Button htmlType="submit" loading={work.busy && !taken} disabled={trouble !== ''}>
          {t(standing ? 'cuts.again' : 'cuts.preview')}
        </Button>
      </form>
      {trouble && (
        <p className="warn small" role="status">
          {trouble}
        </p>
      )}
      {work.trouble && <Alert type="warning" showIcon title={work.trouble} />}
      {taken && <Preview taken={taken} standing={standing} version={version} dirty={dirty} work={work} onCancel={() => setTaken(null)} />}
    </div>
  )
}

interface PreviewProps {
  taken: TakenCuts
  standing?: StandingCuts
  version: string
  dirty: boolean
  work: Work
  onCancel: () => void
}

function Preview({ taken, standing, version, dirty, work, onCancel }: PreviewProps) {
  const { t, lang } = useWords()
  const save = useSaveCuts(version)
  const customers = t('cuts.customers', { count: formatCount(taken.customers, lang) })
  return (
    <div className="cut-preview" role="group" aria-label={t('cuts.taken')}>
      <p>
        <b>{t('cuts.taken')}</b> · {t('cuts.date', { date: formatDay(`${taken.date}T00:00:00`, lang) })} · {customers}
      </p>
      {taken.as_of && <p className="muted small">{t('cuts.asOf', { time: formatTime(taken.as_of, lang) })}</p>}
      <table className="cut-table">
        <thead>
          <tr>
            <th scope="col">{t('cuts.point')}</th>
            <th scope="col">{t('cuts.was')}</th>
            <th scope="col">{t('cuts.now')}</th>
          </tr>
        </thead>
        <tbody>
          {compareCuts(standing, taken).map((c) => (
            <tr key={c.point}>
              <td>
                <b>{c.point}</b>
              </td>
              <td className="cut-value muted">{c.was === undefined ? '—' : formatDecimal(c.was)}</td>
              <td className="cut-value">{c.now === undefined ? t('cuts.dropped') : formatDecimal(c.now)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="small">{t('cuts.effect')}</p>
      {dirty && <p className="warn small">{t('cuts.dirty')}</p>}
      <div className="editor-foot">
        <Button type="primary" disabled={dirty} loading={work.busy} onClick={() => void work.run(() => save(taken))}>
          {t('cuts.save')}
        </Button>
        <Button onClick={onCancel}>{t('common.cancel')}</Button>
      </div>
    </div>
  )
}

function useSaveCuts(version: string) {
  const { t } = useWords()
  const { message } = App.useApp()
  const client = useQueryClient()
  return async (taken: TakenCuts) => {
    const response = await call(PATH, { method: 'PUT', json: taken, ifMatch: version })
    const saved = (await response.json()) as { version: number; unchanged?: boolean }
    const done = saved.unchanged ? t('cuts.unchanged') : t('cuts.saved', { version: saved.version })
    message.success(response.status === 202 ? t('rules.building') : done)
    await client.invalidateQueries({ queryKey: ['rules'] })
  }
}

interface Work {
  busy: boolean
  trouble: string
  run: (step: () => Promise<void>) => Promise<void>
}

// One step at a time, and what it failed of in words.
function useWork(): Work {
  const errorText = useErrorText()
  const [busy, setBusy] = useState(false)
  const [trouble, setTrouble] = useState('')
  const run = async (step: () => Promise<void>) => {
    setBusy(true)
    setTrouble('')
    try {
      await step()
    } catch (error) {
      setTrouble(errorText(error))
    } finally {
      setBusy(false)
    }
  }
  return { busy, trouble, run }
}
