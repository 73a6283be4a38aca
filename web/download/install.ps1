# Installs the analyst's program from [[.]] for this user, after checking its SHA-256.
# Where: $env:ANALYST_BIN, else %LOCALAPPDATA%\Programs\analyst. Nothing else is changed but this user's PATH.
$ErrorActionPreference = 'Stop'
$server = '[[.]]'
$folder = if ($env:ANALYST_BIN) { $env:ANALYST_BIN } else { Join-Path $env:LOCALAPPDATA 'Programs\analyst' }

$arch = if ($env:PROCESSOR_ARCHITECTURE -eq 'ARM64') { 'arm64' } else { 'amd64' }
$answer = Invoke-WebRequest -UseBasicParsing "$server/download/SHA256SUMS"
$text = if ($answer.Content -is [byte[]]) { [Text.Encoding]::UTF8.GetString($answer.Content) } else { $answer.Content }
$sums = @{}
foreach ($line in $text -split "`n") {
  $part = $line.Trim() -split '\s+'
  if ($part.Count -eq 2) { $sums[$part[1]] = $part[0] }
}
$name = @("analyst-windows-$arch.exe", "analyst-lite-windows-$arch.exe") | Where-Object { $sums.ContainsKey($_) } | Select-Object -First 1
if (-not $name) { throw "this server has no program for windows/$arch; see $server/download/" }

New-Item -ItemType Directory -Force $folder | Out-Null
$fresh = Join-Path $folder 'analyst.new.exe'
Invoke-WebRequest -UseBasicParsing "$server/download/$name" -OutFile $fresh
$found = (Get-FileHash -Algorithm SHA256 $fresh).Hash.ToLower()
if ($found -ne $sums[$name]) {
  Remove-Item $fresh
  throw "the SHA-256 of $name is $found, expected $($sums[$name]): nothing was installed"
}
$target = Join-Path $folder 'analyst.exe'
if (Test-Path $target) { Move-Item -Force $target "$target.old" } # a program that runs can be moved, not replaced
Move-Item -Force $fresh $target
$path = [Environment]::GetEnvironmentVariable('Path', 'User')
if (($path -split ';') -notcontains $folder) { [Environment]::SetEnvironmentVariable('Path', "$path;$folder", 'User') }
Write-Output "installed $target ($name, SHA-256 $($sums[$name]))"
Write-Output "next, in a new window: analyst login $server"
