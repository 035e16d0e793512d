import { BulbOutlined, GlobalOutlined } from '@ant-design/icons'
import { Button, Dropdown } from 'antd'
import { useWords } from '../i18n'
import { useLook, type ThemeChoice } from './theme'

const THEMES: ThemeChoice[] = ['auto', 'light', 'dark']

export function Preferences() {
  const { t, lang, setLang } = useWords()
  const { choice, choose } = useLook()
  const themes = THEMES.map((key) => ({ key, label: t(`theme.${key}`) }))
  return (
    <div className="preferences">
      <Button
        type="text"
        icon={<GlobalOutlined />}
        onClick={() => setLang(lang === 'zh' ? 'en' : 'zh')}
        lang={lang === 'zh' ? 'en' : 'zh-CN'}
      >
        {lang === 'zh' ? 'English' : '中文'}
      </Button>
      <Dropdown
        trigger={['click']}
        menu={{ items: themes, selectedKeys: [choice], onClick: ({ key }) => choose(key as ThemeChoice) }}
      >
        <Button type="text" icon={<BulbOutlined />} aria-label={t('app.theme')} title={t('app.theme')} />
      </Dropdown>
    </div>
  )
}
