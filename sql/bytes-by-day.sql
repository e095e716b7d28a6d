-- title: Bytes by day
-- meaning: flows, packets and bytes of each day in the time zone asked for
-- theme: overview
-- fields: start, packets, bytes
WITH by_start AS (
    SELECT start_time, count(*) AS flows, sum(packets) AS packets, sum(bytes) AS bytes
    FROM flow_logs
    WHERE packets IS NOT NULL AND start IS NOT NULL
    GROUP BY start_time
)
SELECT date_trunc('day', start_time) AS day,
       sum(flows)   AS flows,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM by_start
GROUP BY date_trunc('day', start_time)
ORDER BY day
