-- The tables of a task store in SQLite. `rowshift init` runs this file; every statement may run again. Columns that
-- tables of an earlier version lack are added by src/sql/sql-task-store.ts.
--
-- task_def_sync_manager has the columns of the MySQL table, in the same order, with the same defaults. Lengths such as
-- varchar(50) are for the reader: SQLite does not enforce them.
--
-- Do not load a task with an INSERT statement that was written for MySQL. SQLite takes its backquotes, but knows no
-- backslash escapes in string literals: '{\n\t\"pk\": …}' stays exactly that, backslashes and all, and is no JSON,
-- so that rowshift refuses the task's params. Write real line breaks and plain double quotes instead:
--
--     INSERT INTO task_def_sync_manager (…, params, …) VALUES (…, '{"pk": {"src": "id", "dest": "id"}, "worker_num": 4}', …);

CREATE TABLE IF NOT EXISTS task_def_sync_manager (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  from_app      varchar(50) DEFAULT NULL,
  from_db_type  varchar(50) DEFAULT NULL,
  from_db       varchar(20) DEFAULT NULL,
  from_table    varchar(255) DEFAULT '',
  to_app        varchar(50) DEFAULT NULL,
  to_db_type    varchar(20) DEFAULT NULL,
  to_db         varchar(20) DEFAULT NULL,
  to_table      varchar(255) DEFAULT NULL,
  params        text,
  online_status int DEFAULT NULL,
  task_desc     text,
  task_status   varchar(100) DEFAULT NULL,
  owner         varchar(100) DEFAULT NULL,
  create_time   datetime NOT NULL,
  update_time   datetime NOT NULL
);

-- MySQL: ON UPDATE CURRENT_TIMESTAMP. Here the time is in UTC.
CREATE TRIGGER IF NOT EXISTS task_def_sync_manager_update_time
AFTER UPDATE ON task_def_sync_manager
WHEN NEW.update_time IS OLD.update_time
BEGIN
  UPDATE task_def_sync_manager SET update_time = CURRENT_TIMESTAMP WHERE id = NEW.id;
END;

-- One row per run; times are UTC, report is JSON.
CREATE TABLE IF NOT EXISTS rowshift_run (
  run_id       varchar(64) NOT NULL PRIMARY KEY,
  task_id      int NOT NULL,
  mode         varchar(20) NOT NULL,
  status       varchar(20) NOT NULL,
  start_time   datetime NOT NULL,
  end_time     datetime DEFAULT NULL,
  rows_read    bigint NOT NULL DEFAULT 0,
  rows_written bigint NOT NULL DEFAULT 0,
  report       text,
  host         varchar(255) DEFAULT NULL,
  pid          int DEFAULT NULL
);

CREATE INDEX IF NOT EXISTS rowshift_run_task ON rowshift_run (task_id, start_time);

-- How far incremental runs have got, per task and mode. Written when a run has succeeded, never before.
CREATE TABLE IF NOT EXISTS rowshift_watermark (
  task_id int NOT NULL,
  mode    varchar(20) NOT NULL,
  value   text NOT NULL,
  run_id  varchar(64) NOT NULL,
  PRIMARY KEY (task_id, mode)
);
