import type { Sample } from '../live/board'
import { sparkPath } from './sparkPath'

interface SparklineProps {
  samples: readonly Sample[]
  width?: number
  height?: number
  label: string
}

// Plain SVG: a board may show hundreds of these, and each redraws twice a second.
export function Sparkline({ samples, width = 96, height = 26, label }: SparklineProps) {
  const path = sparkPath(samples, width, height)
  return (
    <svg className="spark" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      {path && <path d={path.area} className="spark-area" />}
      {path && <path d={path.line} className="spark-line" />}
      {path && <circle cx={path.end[0]} cy={path.end[1]} r="2" className="spark-end" />}
    </svg>
  )
}
