import { Button, Input } from 'antd'
import { useState, type FormEvent } from 'react'
import { Link, useRouter } from '../app/router'
import { useWords } from '../i18n'
import { Nothing, PageHead } from '../parts/states'
import { ProfileView } from './ProfileView'
import { findBy } from './findBy'
import { readRecent } from './recent'

export default function Profiles() {
  const { t } = useWords()
  const { route, go } = useRouter()
  const [text, setText] = useState('')
  const submit = (e: FormEvent) => {
    e.preventDefault()
    const id = findBy(text)
    if (id) go('profiles', id)
  }
  return (
    <>
      <PageHead title={t('profile.title')}>
        <form className="find" onSubmit={submit} role="search">
          <Input
            allowClear
            value={text}
            onChange={(e) => setText(e.target.value)}
            placeholder={t('profile.search')}
            aria-label={t('profile.search')}
            title={t('profile.searchHelp')}
          />
          <Button type="primary" htmlType="submit">
            {t('profile.find')}
          </Button>
        </form>
      </PageHead>
      {route.rest ? <ProfileView key={route.rest} id={route.rest} /> : <Start />}
    </>
  )
}

function Start() {
  const { t } = useWords()
  const recent = readRecent()
  return (
    <>
      <Nothing>
        {t('profile.start')}
        <br />
        <span className="small">{t('profile.searchHelp')}</span>
      </Nothing>
      {recent.length > 0 && (
        <div className="recent">
          <h2>{t('profile.recent')}</h2>
          {recent.map((id) => (
            <Link key={id} page="profiles" rest={id} className="chip chip-plain">
              {id}
            </Link>
          ))}
        </div>
      )}
    </>
  )
}
