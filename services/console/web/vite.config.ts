import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

// The Go server hands out NAME.gz to clients that take gzip, so nothing is compressed while serving.
function precompress(): Plugin {
  let outDir = 'dist'
  return {
    name: 'tagwire-precompress',
    apply: 'build',
    configResolved(config) {
      outDir = resolve(config.root, config.build.outDir)
    },
    closeBundle() {
      const assets = join(outDir, 'assets')
      for (const name of readdirSync(assets)) {
        const file = join(assets, name)
        if (!/\.(js|css|svg)$/.test(name) || statSync(file).size < 1024) continue
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }))
      }
    },
  }
}

// Three vendor chunks change rarely, so a browser keeps them over releases of the page's own code.
function chunkOf(id: string): string | undefined {
  if (!id.includes('node_modules')) return undefined
  if (/node_modules\/(echarts|zrender)\//.test(id)) return 'echarts'
  if (/node_modules\/(antd|@ant-design|@rc-component|rc-[a-z-]+|dayjs|@emotion|stylis)\//.test(id)) return 'antd'
  return 'vendor'
}

export default defineConfig({
  plugins: [react(), precompress()],
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 1200,
    // Inlined files would need data: in the content policy for scripts and fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { output: { manualChunks: chunkOf } },
  },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': process.env.TAGWIRE_API ?? 'http://127.0.0.1:5199' },
  },
  test: { include: ['src/**/*.test.ts', 'src/**/*.test.tsx'], environment: 'node' },
} as Parameters<typeof defineConfig>[0])
