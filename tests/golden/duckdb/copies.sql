-- has: _aaaa.log.gz | kept | 3
-- has: _bbbb.log.gz | left out | 0
-- lacks: {}kept/111122223333_vpcflowlogs_us-east-1_fl-0a_20230914T0320Z_cccc.log.gz
-- lacks: _bbbb.log.gz | kept
-- Of the folders `first`, `kept` and `left-out`: a copy is a file of the name and of the very text of one in `first`.
WITH files AS (
    SELECT regexp_extract(filename, '([^/]+)/[^/]+$', 1) AS folder, regexp_extract(filename, '[^/]+$') AS name, md5(content) AS sum,
           len(string_split(trim(content, chr(10)), chr(10))) - 1 AS records
    FROM read_text(getvariable('copies'))
)
SELECT '{}' || a.folder || '/' || a.name || '.gz', '{}first/' || f.name || '.gz', replace(a.folder, '-', ' ') AS became,
       CASE a.folder WHEN 'kept' THEN a.records ELSE 0 END
FROM files a JOIN files f ON f.folder = 'first' AND a.folder <> 'first' AND a.name = f.name AND a.sum = f.sum
ORDER BY became, 2, 1
