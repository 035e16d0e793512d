import type { EChartsCoreOption } from 'echarts/core'
import type { StageCount } from '../api/types'
import { formatCount, type Lang } from '../text/format'

export type StageShape = 'bar' | 'pie'

interface StageOptionSpec {
  stages: StageCount[]
  shape: StageShape
  dark: boolean
  lang: Lang
}

// From cool (prospect) over green (active, loyal) to rust (churned): the order of a customer's life.
const LIGHT = ['#8fa3ad', '#4a90b8', '#17917d', '#0b6b5e', '#b8653a', '#a68a2c']
const DARK = ['#7f939c', '#5fa8d0', '#35b8a3', '#7fd6b0', '#d98758', '#cbb04f']

export function stageColours(dark: boolean): string[] {
  return dark ? DARK : LIGHT
}

export function stageOption({ stages, shape, dark, lang }: StageOptionSpec): EChartsCoreOption {
  const ink = dark ? '#c3cfcb' : '#43514d'
  const colours = stageColours(dark)
  const data = stages.map((s, i) => ({
    name: s.stage,
    value: s.count,
    itemStyle: { color: colours[i % colours.length] },
  }))
  const count = (value: unknown) => formatCount(Number(value), lang)
  const base = {
    aria: { enabled: true },
    animationDuration: 300,
    textStyle: { fontFamily: 'inherit', color: ink },
    tooltip: { trigger: 'item', valueFormatter: count, backgroundColor: dark ? '#1d2724' : '#fff', textStyle: { color: ink } },
  }
  if (shape === 'pie') {
    const label = { color: ink, formatter: (p: { name: string; percent: number }) => `${p.name}\n${p.percent.toFixed(1)}%`, lineHeight: 16 }
    return { ...base, series: [{ type: 'pie', radius: ['42%', '66%'], data, label, labelLine: { length: 8, length2: 6 } }] }
  }
  return {
    ...base,
    grid: { left: 4, right: 56, top: 4, bottom: 4, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    xAxis: { type: 'value', show: false },
    yAxis: {
      type: 'category',
      inverse: true,
      data: stages.map((s) => s.stage),
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { color: ink, fontSize: 13 },
    },
    series: [
      {
        type: 'bar',
        data,
        barMaxWidth: 18,
        itemStyle: { borderRadius: [0, 4, 4, 0] },
        label: { show: true, position: 'right', color: ink, formatter: (p: { value: unknown }) => count(p.value) },
      },
    ],
  }
}
