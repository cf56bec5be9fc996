import { join } from 'node:path'
import { needProgram } from './machine.js'

export interface Certificates {
  /** Make the files; run before the server. */
  readonly commands: string[][]
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** A certificate for a server that does not make its own, and the authority that signed it; null without openssl. */
export function selfSigned(directory: string): Certificates | null {
  const openssl = needProgram('openssl', 'openssl')
  if (!openssl) return null
  const [ca, caKey, cert, key] = ['ca.pem', 'ca-key.pem', 'server-cert.pem', 'server-key.pem'].map((name) =>
    join(directory, name),
  ) as [string, string, string, string]
  const request = [openssl, 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '7']
  const authority = [...request, '-subj', '/CN=rowshift test authority', '-keyout', caKey, '-out', ca]
  const signing = ['-CA', ca, '-CAkey', caKey, '-addext', 'basicConstraints=critical,CA:false']
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const server = [...request, ...signing, ...subject, '-keyout', key, '-out', cert]
  return { commands: [authority, server], ca, cert, key }
}
