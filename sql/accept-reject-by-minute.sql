-- title: Accepted and rejected over time
-- meaning: flows and bytes that were let through and refused, by the minute, hour or day in which they started
-- theme: overview
-- fields: action, start, bytes
-- param: bucket minute|hour|day minute: how long each step is
SELECT date_trunc($bucket, start_time)                    AS time,
       count(*) FILTER (WHERE action = 'ACCEPT')          AS accepted,
       count(*) FILTER (WHERE action = 'REJECT')          AS rejected,
       coalesce(sum(bytes) FILTER (WHERE action = 'ACCEPT'), 0) AS accepted_bytes,
       coalesce(sum(bytes) FILTER (WHERE action = 'REJECT'), 0) AS rejected_bytes
FROM flow_logs
WHERE action IN ('ACCEPT', 'REJECT') AND start IS NOT NULL
GROUP BY date_trunc($bucket, start_time)
ORDER BY time
