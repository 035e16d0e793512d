import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app/App'
import { makeI18n, storedLang } from './i18n'
import './styles.css'
import './pages.css'

const i18n = await makeI18n(storedLang())
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App i18n={i18n} />
  </StrictMode>,
)
