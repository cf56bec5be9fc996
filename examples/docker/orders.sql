-- Whatever the client takes for its own.
SET NAMES utf8mb4;

CREATE DATABASE shop CHARACTER SET utf8mb4;
CREATE DATABASE warehouse CHARACTER SET utf8mb4;

CREATE TABLE shop.orders (
  id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
  customer VARCHAR(20) NOT NULL,
  title VARCHAR(100) NOT NULL,
  amount DECIMAL(18, 2) NOT NULL,
  note TEXT,
  created_at DATETIME(6) NOT NULL,
  KEY by_customer (customer)
);

-- A table of the sequence engine needs a database to be in.
USE shop;
INSERT INTO shop.orders (id, customer, title, amount, note, created_at)
SELECT
  seq,
  CONCAT('U', LPAD(seq * 7919 % 100000000, 8, '0')),
  CONCAT('订单 ', seq, ' 📦'),
  seq * 31 % 10000 + seq % 100 / 100,
  IF(seq % 10 = 0, NULL, CONCAT('line one\ntab\t', seq)),
  '2026-01-01' + INTERVAL seq * 1000001 MICROSECOND
FROM seq_1_to_100000;
