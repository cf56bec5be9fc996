-- The task tables on MySQL and MariaDB. `rowshift init` runs this file, and adds the columns that tables of an earlier
-- version lack (src/sql/sql-task-store.ts).

CREATE TABLE IF NOT EXISTS `task_def_sync_manager` (
  `id` int(11) NOT NULL AUTO_INCREMENT COMMENT '统计任务id',
  `from_app` varchar(50) DEFAULT NULL COMMENT '统计来源业务系统',
  `from_db_type` varchar(50) DEFAULT NULL COMMENT '读取的数据源类型',
  `from_db` varchar(20) DEFAULT NULL COMMENT '来自数据库',
  `from_table` varchar(255) DEFAULT '' COMMENT '统计规则',
  `to_app` varchar(50) DEFAULT NULL COMMENT '写入的业务系统',
  `to_db_type` varchar(20) DEFAULT NULL COMMENT '写入数据源类型',
  `to_db` varchar(20) DEFAULT NULL COMMENT '写入数据库',
  `to_table` varchar(255) DEFAULT NULL COMMENT '写入数据表',
  `params` text COMMENT '增量规则',
  `online_status` int(11) DEFAULT NULL COMMENT '在线状态1在线0下线',
  `task_desc` text COMMENT '统计描述',
  `task_status` varchar(100) DEFAULT NULL COMMENT '任务状态',
  `owner` varchar(100) DEFAULT NULL COMMENT '开发人',
  `create_time` datetime NOT NULL COMMENT '创建时间',
  `update_time` datetime NOT NULL ON UPDATE CURRENT_TIMESTAMP COMMENT '更新时间',
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8 COMMENT='同步任务管理';

-- One row per run of a task. Times are UTC.
CREATE TABLE IF NOT EXISTS `rowshift_run` (
  `run_id` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `task_id` int NOT NULL,
  `mode` varchar(20) NOT NULL,
  `status` varchar(20) NOT NULL COMMENT 'running, success, failed, interrupted',
  `start_time` datetime NOT NULL,
  `end_time` datetime DEFAULT NULL,
  `rows_read` bigint NOT NULL,
  `rows_written` bigint NOT NULL,
  `report` mediumtext COMMENT 'the whole report, JSON',
  `host` varchar(255) DEFAULT NULL COMMENT 'machine that runs it',
  `pid` int unsigned DEFAULT NULL COMMENT 'process there',
  PRIMARY KEY (`run_id`),
  KEY `by_task` (`task_id`, `start_time`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='rowshift run history';

-- How far incremental runs have got, per task and mode. Written when a run has succeeded, never before.
CREATE TABLE IF NOT EXISTS `rowshift_watermark` (
  `task_id` int NOT NULL,
  `mode` varchar(20) NOT NULL,
  `value` text NOT NULL COMMENT 'a key, or a time, as the source writes it',
  `run_id` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (`task_id`, `mode`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='rowshift watermarks';
