/**
 * The databases that come with rowshift, by the names that `from_db_type`, `to_db_type` and URLs use. Core reaches
 * this map and the modules in it by URL only, just as it reaches a third party's plugin.
 */
export const builtin: Readonly<Record<string, string>> = {
  mysql: new URL('./mysql/plugin.js', import.meta.url).href,
  mariadb: new URL('./mysql/plugin.js', import.meta.url).href,
  postgres: new URL('./postgres/plugin.js', import.meta.url).href,
  postgresql: new URL('./postgres/plugin.js', import.meta.url).href,
  pg: new URL('./postgres/plugin.js', import.meta.url).href,
  sqlite: new URL('./sqlite/plugin.js', import.meta.url).href,
  file: new URL('./file/plugin.js', import.meta.url).href,
}

/** The type of a `task_meta` that names none, as in the existing configuration format. */
export const defaultTaskStore = 'mysql'

/** What `rowshift demo` shows. */
export const demo = new URL('./sqlite/demo.js', import.meta.url).href
