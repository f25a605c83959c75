<#
.SYNOPSIS
    Starts ntp-serve with the machine, or changes how it is started.
.DESCRIPTION
    ntp-serve is a console program: it does not speak to the service control manager, which ends a service that does not answer it within 30 seconds.
    So this makes a scheduled task that starts with the machine, without a user and without a time limit, and is started again when it ends.
    To be run as administrator; running it again replaces the task.
.EXAMPLE
    .\install-service.ps1 -Program C:\ntpd-py\Scripts\ntp-serve.exe -Listen 0.0.0.0:12300
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory)]
    [ValidateScript({ Test-Path -LiteralPath $_ -PathType Leaf })]
    [string]$Program,

    [ValidatePattern('^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\]):\d{1,5}$')]
    [string]$Listen = '0.0.0.0:1123',

    [ValidateNotNullOrEmpty()]
    [string]$Name = 'ntp-serve'
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$identity = [Security.Principal.WindowsIdentity]::GetCurrent()
$isAdministrator = ([Security.Principal.WindowsPrincipal]$identity).IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
if (-not $isAdministrator) {
    throw 'This takes an elevated PowerShell: right-click it, "Run as administrator".'
}

if (Get-ScheduledTask -TaskName $Name -ErrorAction SilentlyContinue) {
    Stop-ScheduledTask -TaskName $Name
}

# Windows' own time service has port 123 while it runs, hence the other default.
$port = [int]($Listen -split ':')[-1]
if (Get-NetUDPEndpoint -LocalPort $port -ErrorAction SilentlyContinue) {
    Write-Warning "Something listens on UDP port $port already; ntp-serve will end until that is gone."
}

if ($PSCmdlet.ShouldProcess($Name, 'Register the task')) {
    $action = New-ScheduledTaskAction -Execute $Program -Argument "-listen $Listen --quiet"
    $trigger = New-ScheduledTaskTrigger -AtStartup
    # The least that Windows has; ports below 1024 are not privileged there.
    $principal = New-ScheduledTaskPrincipal -UserId 'NT AUTHORITY\LOCAL SERVICE' -LogonType ServiceAccount -RunLevel Limited
    $settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -ExecutionTimeLimit ([TimeSpan]::Zero) `
        -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1) -MultipleInstances IgnoreNew -Priority 4
    Register-ScheduledTask -TaskName $Name -Description 'Simple NTP server (ntpd-py)' -Action $action -Trigger $trigger `
        -Principal $principal -Settings $settings -Force | Out-Null

    if (Get-NetFirewallRule -Name $Name -ErrorAction SilentlyContinue) {
        Remove-NetFirewallRule -Name $Name
    }
    New-NetFirewallRule -Name $Name -DisplayName "NTP server ($Name)" -Direction Inbound -Action Allow `
        -Protocol UDP -LocalPort $port | Out-Null

    Start-ScheduledTask -TaskName $Name
    Write-Output "$Name is started, on $Listen, and will be with the machine. Ask it: ntp-query --text localhost $port"
}
