-- @accounts and @logs say how many rows there will be. The same numbers make the same data.
CREATE TABLE numbers (n INT PRIMARY KEY);
INSERT INTO numbers VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
INSERT INTO numbers SELECT a.n + 10 * b.n FROM numbers a, numbers b WHERE b.n > 0;
INSERT INTO numbers SELECT a.n + 100 * b.n FROM numbers a, numbers b WHERE b.n BETWEEN 1 AND 99;

-- About one account in ten is disabled (1), every hundredth has no time of creation.
INSERT INTO t_source_account_info (user_no, status, version, create_time, modify_time)
SELECT CONCAT('U', LPAD(n, 10, '0')), CRC32(n) % 10 = 0, CRC32(n) % 7,
       IF(n % 100 = 0, NULL, '2019-01-01 08:00:00' + INTERVAL n * 60 SECOND),
       '2023-05-01 00:00:00' + INTERVAL n SECOND
FROM (SELECT a.n + 10000 * b.n AS n FROM numbers a, numbers b WHERE b.n <= @accounts DIV 10000) all_numbers
WHERE n < @accounts;

INSERT INTO t_account_log (user_id, amount, remark, create_time)
SELECT CONCAT('U', LPAD(CRC32(n) % @accounts, 10, '0')), CRC32(n) % 2000000 / 100 - 10000,
       IF(n % 3 = 0, NULL, CONCAT('流水 ', n)), '2020-01-01 00:00:00' + INTERVAL n SECOND
FROM (SELECT a.n + 10000 * b.n AS n FROM numbers a, numbers b WHERE b.n <= @logs DIV 10000) all_numbers
WHERE n < @logs
ORDER BY n;

DROP TABLE numbers;
