import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app/App'
import { makeI18n, storedLang } from './i18n'
import './styles/base.css'
import './styles/frame.css'
import './styles/marks.css'
import './styles/overview.css'
import './styles/board.css'
import './styles/alerts.css'
import './styles/tables.css'
import './styles/profile.css'
import './styles/editors.css'
import './styles/narrow.css'

const i18n = await makeI18n(storedLang())
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App i18n={i18n} />
  </StrictMode>,
)
