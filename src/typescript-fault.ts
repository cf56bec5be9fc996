/** What to say of a module that Node.js did not load because it is TypeScript; null where that is not the reason. */
export function typeScriptFault(thrown: unknown): string | null {
  const { code, message } = thrown as NodeJS.ErrnoException
  switch (code) {
    case 'ERR_UNKNOWN_FILE_EXTENSION':
      if (!/\.[cm]?ts\b/.test(message)) return null
      return `it is TypeScript, and Node.js ${process.versions.node} does not remove types: run rowshift with Node.js 24 (22 does it from 22.18 on), or compile the module to JavaScript`
    case 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX':
      return `Node.js removes types and does nothing else, so enums, namespaces and parameter properties must be compiled to JavaScript first: ${firstLine(message)}`
    case 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING':
      return 'it is TypeScript inside node_modules, where Node.js does not remove types: compile the package to JavaScript'
    default:
      return null
  }
}

function firstLine(message: string): string {
  return message.split('\n').find((line) => line.trim() !== '') ?? ''
}
